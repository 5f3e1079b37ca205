import { expect, it } from 'vitest';
import { Sending } from './sending.ts';

it('[R3] a line is at work while what waits is leaving, and not when its receiver takes nothing', () => {
  const sending = new Sending();
  expect(sending.isAtWork({ leftBytes: 0, waitingBytes: 0 }, 0)).toBe(false);
  expect(sending.isAtWork({ leftBytes: 0, waitingBytes: 900 }, 10)).toBe(true);
  expect(sending.isAtWork({ leftBytes: 300, waitingBytes: 600 }, 300)).toBe(true);
  expect(sending.isAtWork({ leftBytes: 300, waitingBytes: 600 }, 599)).toBe(true);
  expect(sending.isAtWork({ leftBytes: 300, waitingBytes: 600 }, 600)).toBe(false);
  // Something else leaves on another channel.
  expect(sending.isAtWork({ leftBytes: 400, waitingBytes: 600 }, 900)).toBe(true);
  expect(sending.isAtWork({ leftBytes: 1_000, waitingBytes: 0 }, 1_000)).toBe(false);
});
