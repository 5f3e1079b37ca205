/** A test of these has a real TURN relay, of which its coordinator tells the tabs; it is skipped where there is none. */
import { test as base } from './fixtures.ts';
import { TurnServer } from './turn-server.ts';

export const test = base.extend<{ turn: TurnServer }>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads from the pattern which fixtures this one needs: none.
  turn: async ({}, use, info) => {
    const turn = await TurnServer.start();
    info.skip(typeof turn === 'string', String(turn));
    if (typeof turn === 'string') return;
    await use(turn);
    await turn.stop();
  },
  environment: async ({ turn }, use) =>
    use({ MURMURATION_TURN_URL: turn.url, MURMURATION_TURN_SECRET: turn.secret }),
});
