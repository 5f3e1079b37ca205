/** What costs a peer its link, and what does not. */
import { describe, expect, it } from 'vitest';
import { Conduct, STRIKES_MAX } from './conduct.ts';
import { Peers } from './peers.ts';

const PEER = 'vol_aaaaaaaaaaaaaaaaaaaaaaaaaa';

const lastVerdict = (rejection: string, times: number) => {
  const conduct = new Conduct();
  const peer = { strikes: 0 };
  let verdict = false;
  for (let i = 0; i < times; i++) verdict = conduct.refused(peer, rejection);
  return verdict;
};

describe('[P6] conduct', () => {
  it.each([
    'equivocation',
    'bad-state',
    'other-run',
    'update-bad-scale',
    'update-not-finite',
    'update-bad-code',
  ])('%s is provable: the third costs the link', (rejection) => {
    expect(lastVerdict(rejection, STRIKES_MAX - 1)).toBe(false);
    expect(lastVerdict(rejection, STRIKES_MAX)).toBe(true);
  });

  it.each([
    'old-round',
    'future-round',
    'old-ballot',
    'other-anchor',
    'duplicate',
    'not-leader',
    'not-author',
  ])('%s may happen to anybody and never costs the link', (rejection) =>
    expect(lastVerdict(rejection, 1_000)).toBe(false),
  );

  it('counts what is refused for what it is, and not what came at a bad time', () => {
    const conduct = new Conduct();
    for (const rejection of ['old-round', 'not-leader', 'equivocation'])
      conduct.refused({ strikes: 0 }, rejection);
    expect(conduct.refusedCount).toBe(2);
  });
});

describe('[P6] a new link makes nobody a new peer', () => {
  it('strikes are remembered when the link closes, and an outcast stays one', () => {
    const peers = new Peers();
    peers.opened(PEER);
    peers.get(PEER)!.strikes = STRIKES_MAX - 1;
    peers.closed(PEER);
    expect(peers.isOutcast(PEER)).toBe(false);
    peers.opened(PEER);
    expect(peers.get(PEER)!.strikes).toBe(STRIKES_MAX - 1);
    peers.get(PEER)!.strikes += 1;
    peers.closed(PEER);
    expect(peers.isOutcast(PEER)).toBe(true);
  });
});
