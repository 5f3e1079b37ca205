import { expect, test } from 'vitest';
import { BULK_CHANNEL_RULES, type ChannelPair } from './bulk-channel.acceptance.ts';
import { DirectChannel, type BulkListener } from './bulk-channel.ts';
import { FakeDataChannel } from './fake-data-channel.ts';
import { PipedChannel, pipeChannel } from './piped-channel.ts';

const makers: Record<string, () => Promise<ChannelPair>> = {
  async direct() {
    const [left, right] = FakeDataChannel.pair();
    return { left: new DirectChannel(left), right: new DirectChannel(right), open: () => left.openBoth() };
  },
  async 'opened before it was heard'() {
    const [left, right] = FakeDataChannel.pair();
    left.openBoth();
    return { left: new DirectChannel(left), right: new DirectChannel(right), open: () => undefined };
  },
  async piped() {
    const [left, right] = FakeDataChannel.pair();
    return { left: piped(left), right: piped(right), open: () => left.openBoth() };
  },
  async 'piped to direct'() {
    const [left, right] = FakeDataChannel.pair();
    return { left: piped(left), right: new DirectChannel(right), open: () => left.openBoth() };
  },
};

function piped(channel: FakeDataChannel): PipedChannel {
  const { port1, port2 } = new MessageChannel();
  pipeChannel(channel, port1);
  return new PipedChannel(port2);
}

for (const [name, makePair] of Object.entries(makers))
  for (const rule of BULK_CHANNEL_RULES)
    test(`${rule.title} (${name})`, () => expect(rule.check(makePair)).resolves.toBeUndefined());

for (const name of ['direct', 'piped'] as const)
  test(`[PF4] text is told as no binary message, and the channel goes on (${name})`, async () => {
    const [near, far] = FakeDataChannel.pair();
    const channel = name === 'direct' ? new DirectChannel(near) : piped(near);
    const heard: (number | null)[] = [];
    await new Promise<void>((resolve) => {
      const listener: BulkListener = {
        open: () => {
          far.send('hello');
          far.send(new Uint8Array(3));
        },
        message: (buffer) => {
          heard.push(buffer === null ? null : buffer.byteLength);
          if (heard.length === 2) resolve();
        },
        low: () => undefined,
        closed: () => undefined,
      };
      channel.listen(listener);
      near.openBoth();
    });
    channel.close();
    expect(heard).toEqual([null, 3]);
  });

test('a channel that closed while it was being transferred says so', async () => {
  const [near] = FakeDataChannel.pair();
  near.readyState = 'closed';
  const heard = new Promise<void>((closed) =>
    new DirectChannel(near).listen({
      open: () => expect.unreachable(),
      message: () => expect.unreachable(),
      low: () => undefined,
      closed,
    }),
  );
  await expect(heard).resolves.toBeUndefined();
});

test('a page channel that refuses a message ends the piped one: nothing is lost silently', async () => {
  const [near] = FakeDataChannel.pair();
  const channel = piped(near);
  await new Promise<void>((closed) => {
    channel.listen({
      open: () => {
        near.send = () => {
          throw new DOMException('send queue is full', 'OperationError');
        };
        channel.send(new Uint8Array(100));
      },
      message: () => undefined,
      low: () => undefined,
      closed,
    });
    near.openBoth();
  });
  expect(channel.isOpen).toBe(false);
});
