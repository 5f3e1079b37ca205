import { describe, expect, it } from 'vitest';
import { parseFlags } from './flags.ts';
import { plan, PLAN_FLAGS } from './plan.ts';
import { planLines } from './plan-lines.ts';

const planOf = (...argv: string[]) => {
  const parsed = parseFlags('murmur plan', PLAN_FLAGS, argv);
  if (parsed.kind !== 'flags') throw new Error(parsed.kind === 'wrong' ? parsed.message : parsed.text);
  return plan(parsed.flags);
};
const good = (...argv: string[]) => {
  const planned = planOf(...argv);
  if ('refused' in planned) throw new Error(planned.refused.join('; '));
  return planned;
};

describe('murmur plan', () => {
  const HOMES = ['--tabs', '16', '--uplink', '10', '--rtt', '50', '--step-ms', '100'];

  it('says strategy, time, bytes, memory, why, and how many tabs are worth having', () => {
    const text = planLines(good('--model', 'gpt', ...HOMES)).join('\n');
    expect(text).toMatch(/^gpt of 137,216 parameters, batches of 16; 16 tabs, 10 Mbit\/s up/);
    expect(text).toMatch(/architecture: \w+\n(?: {2}schedule: \w+\n)? {2}localSteps: \d+\n {2}codec: \S+/);
    expect(text).toMatch(/time to the loss +[\d.]+ \w+: \d+ rounds of/);
    expect(text).toMatch(/bytes of a tab +.* up and .* down a round/);
    expect(text).toMatch(/memory of a tab +\d+ MiB/);
    expect(text).toMatch(/TABS +TIME +SPEED-UP/);
    expect(text).toMatch(/Worth having: about \d+ tabs?\./);
    expect(text).toMatch(/Not planned are tiers \(.*\) and exchange \(/);
  });
  it('says what it assumed, and nothing of it when it was told', () => {
    expect(good(...HOMES).assumed.join('\n')).toMatch(
      /the critical batch is 26 samples, as the built-in digits.*--critical-batch.*\none tab alone needs 551 steps/,
    );
    expect(good(...HOMES.slice(0, -2)).assumed[0]).toMatch(/a step takes .* ms, between a graphics card/);
    expect(good(...HOMES, '--steps-alone', '900', '--critical-batch', '200').assumed).toEqual([]);
    expect(
      good(...HOMES, '--measured', 'tabs=1,rounds=900', '--measured', 'tabs=8,rounds=160').assumed,
    ).toEqual([]);
  });
  it('fits its law to runs that were made: eight tabs of the measured kind take about as many rounds as measured', () => {
    const { choice } = good(
      '--tabs', '8', '--step-ms', '100', '--speed-ratio', '1', '--uplink', '1000', '--churn', '0',
      '--architecture', 'decentralised', '--codec', 'int8', '--local-steps', '5',
      '--measured', 'tabs=1,rounds=900', '--measured', 'tabs=8,rounds=160',
    ); // prettier-ignore
    expect(Math.round(choice.best.rounds)).toBe(160);
  });
  it('says which measured runs do not go with each other', () => {
    const doubts = (...runs: string[]) =>
      good(...HOMES, ...runs.flatMap((each) => ['--measured', each])).assumed.filter((text) =>
        text.includes('doubtful'),
      );
    expect(doubts('tabs=8,rounds=100', 'tabs=8,rounds=200').join()).toMatch(
      /doubtful: by the law .* tabs=8,rounds=200 fits \d{3} rounds; --measured/,
    );
    expect(doubts('tabs=1,rounds=160', 'tabs=8,rounds=900')).toHaveLength(1);
    expect(doubts('tabs=8,rounds=100', 'tabs=8,rounds=110')).toEqual([]);
    expect(doubts('tabs=8,rounds=160')).toEqual([]);
  });
  it('[R13] plans with the group that it is told, and chooses one where there is no server and lines are thin', () => {
    const thin = ['--model', '1000000', '--tabs', '48', '--uplink', '2', '--step-ms', '100'];
    const peers = [...thin, '--architecture', 'decentralised'];
    expect(planLines(good(...peers)).join('\n')).toMatch(/ {2}group: 4\n(.|\n)*group: auto, at its best/);
    expect(good(...peers, '--group', 'auto').choice.best.strategy).not.toHaveProperty('group');
    expect(good(...peers, '--group', '8').choice.best.strategy.group).toBe(8);
    // A server has no groups.
    expect(good(...thin, '--group', '8').choice.best.strategy.architecture).toBe('decentralised');
  });
  it('a model by its number of parameters has no activations to count', () => {
    expect(good('--model', '1000000', ...HOMES).task).toMatchObject({
      parameterCount: 1_000_000,
      activationBytes: 0,
    });
  });
  it('answers a wrong flag with its name and the fix', () => {
    const fault = (...argv: string[]) => {
      try {
        planOf(...argv);
        return 'accepted';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(fault('--model', 'vgg')).toContain(
      '--model: write one of mlp, cnn, resnet, gru, gpt, vae, or a number of parameters',
    );
    expect(fault('--model', '0')).toContain('--model: write one of');
    expect(fault('--input', '28,28')).toContain(
      '--input: write up to four whole numbers from 1 with x between them, for example 28x28x1',
    );
    for (const nothing of ['0x0', '28x0', '00028'])
      expect(fault('--input', nothing)).toContain(`for example 28x28x1, not "${nothing}"`);
    expect(fault('--model', 'cnn', '--input', '28')).toContain('--input: cnn does not fit 28');
    expect(fault('--measured', 'tabs=8')).toContain(
      '--measured: rounds= is missing; for example tabs=8,rounds=120',
    );
    expect(fault('--measured', 'tabs=8,rounds=many')).toContain(
      '--measured: rounds must be a whole number from 1',
    );
    expect(fault('--measured', 'tabs=8,rounds=9,codec=zip')).toContain(
      '--measured: codec must be one of fp32',
    );
    expect(fault('--measured', 'tabs=8,rounds=9,group=1')).toContain(
      '--measured: group must be a whole number from 2 to 16',
    );
    expect(fault('--measured', 'tabs=8,rounds=9,loss=1')).toContain(
      '--measured: "loss" is none of tabs, rounds',
    );
    expect(fault('--group', '1')).toContain('--group: needs a whole number from 2 to 16, or auto, not "1"');
    expect(fault('--churn', '5%')).toContain('--churn: needs a number from 0 to 100, not "5%"');
  });
  it('says what was left out when nothing fits', () => {
    const planned = planOf(
      '--model', '5000000', '--tabs', '16', '--uplink', '1', '--codec', 'fp32', '--memory-mib', '4096',
    ); // prettier-ignore
    expect('refused' in planned && planned.refused.join('\n')).toMatch(
      /exchanges of more than 5 s.*\ncentral with fp32, because averaging may take \d+ MiB/,
    );
  });
});
