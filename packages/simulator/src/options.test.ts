import { CODECS, contradictionIn, OPTIMISERS, type Training } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS, FAULTS, OPTIONS, parseSetting, settingsOf } from './options.ts';
import { drawMix, profileOptions } from './profiles.ts';
import { runSetup, toyModel } from './run-setup.ts';

const SEEDS = Array.from({ length: 300 }, (_, i) => i + 1);

describe('options', () => {
  it('reads key=value, and refuses with the key and what it allows', () => {
    expect(parseSetting('lossShare=0.25')).toEqual({ name: 'lossShare', value: 0.25 });
    expect(parseSetting('model=softmax')).toEqual({ name: 'model', value: 'softmax' });
    const wrong = (text: string) => {
      const setting = parseSetting(text);
      return 'wrong' in setting ? setting.wrong : 'accepted';
    };
    expect(wrong('lossShare=2')).toBe('lossShare: needs a number from 0 to 0.9, not "2"');
    expect(wrong('tabs=1.5')).toBe('tabs: needs a whole number from 1 to 20000, not "1.5"');
    expect(wrong('tabs=')).toContain('tabs: needs a whole number');
    expect(wrong('split=random')).toBe('split: must be one of iid, label, not "random"');
    expect(wrong('loss=1')).toMatch(/^loss: there is no such option; there are seed, tabs/);
    expect(wrong('tabs')).toContain('no key=value');
  });

  it('what differs from the defaults describes a run completely', () => {
    for (const seed of SEEDS) {
      const options = profileOptions('mix', { seed });
      const changes: Record<string, number | string> = { seed };
      for (const text of settingsOf(options)) {
        const setting = parseSetting(text);
        if ('wrong' in setting) throw new Error(setting.wrong);
        changes[setting.name] = setting.value;
      }
      expect({ ...DEFAULT_OPTIONS, ...changes }).toEqual(options);
    }
  });
});

describe('the mix', () => {
  const drawn = SEEDS.map(drawMix);

  it('is the same for the same seed, and enables each fault in some seeds and not in others', () => {
    expect(drawMix(7)).toEqual(drawMix(7));
    // Hostile tabs and a crowd that sleeps have scenarios of their own (hostile.test.ts, central.test.ts).
    for (const fault of FAULTS.filter((name) => name !== 'hostileShare' && name !== 'frozenShare')) {
      const enabled = drawn.filter((settings) => (settings[fault] ?? 0) > 0).length;
      expect(enabled, fault).toBeGreaterThan(SEEDS.length / 20);
      expect(enabled, fault).toBeLessThan(SEEDS.length / 2);
    }
  });

  it('draws no training that a coordinator would refuse, and every way of it', () => {
    const options = SEEDS.map((seed) => profileOptions('mix', { seed }));
    const trainings = options.map((each) => runSetup(each, toyModel(each)).manifest.training);
    expect(trainings.flatMap((training) => contradictionIn(training) ?? [])).toEqual([]);
    const ways = trainings.map(({ architecture, schedule, tiers }) => [
      architecture,
      schedule,
      tiers && 'tiers',
    ]);
    expect(new Set(ways.map((way) => way.join(' '))).size).toBe(5);
    const drawn = (knob: keyof Training) => new Set(trainings.map((training) => training[knob]));
    expect(drawn('codec')).toEqual(new Set(CODECS));
    expect(drawn('exchange')).toEqual(new Set([undefined, 'gradients', 'parameters']));
    expect(drawn('optimiser')).toEqual(new Set(OPTIMISERS));
    expect(drawn('adaptive')).toEqual(new Set([undefined, 'off']));
    expect(drawn('group').size).toBeGreaterThan(3);
    expect(drawn('outerLearningRate').size).toBeGreaterThan(10);
  });

  it('stays within the range of every option', () => {
    for (const settings of drawn)
      for (const [name, value] of Object.entries(settings)) {
        const option = OPTIONS[name as keyof typeof OPTIONS];
        if (option.kind === 'choice') expect(option.choices).toContain(value);
        else {
          expect(value, name).toBeGreaterThanOrEqual(option.min);
          expect(value, name).toBeLessThanOrEqual(option.max);
        }
      }
  });
});
