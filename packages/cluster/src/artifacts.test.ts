import type { MetricPoint } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { junitText, metricsCsv, runPicture } from './artifacts.ts';

const point = (round: number, changes: Partial<MetricPoint> = {}): MetricPoint => ({
  round,
  atMs: 1_000 * round,
  loss: 2 / (1 + round),
  lossMin: null,
  lossMax: null,
  valLoss: null,
  valAccuracy: null,
  volunteers: 4,
  ...changes,
});

describe('what a cluster run leaves behind', () => {
  it('JUnit: a case for the evidence and one an assertion, with failures and what they were', () => {
    const text = junitText({
      suite: 'digits & co',
      seconds: 12.34,
      asserts: [
        { text: 'val_acc>0.9', value: 0.8, holds: false },
        { text: 'spread<1', value: null, holds: false },
        { text: 'rounds>1', value: 9, holds: true },
      ],
      emptiness: ['nothing "was" trained'],
      error: 'the budget\u0000 ran out',
    });
    expect(text).toContain(
      '<testsuite name="digits &amp; co" tests="4" failures="3" errors="1" time="12.3">',
    );
    expect(text).toContain(
      '<testcase classname="digits &amp; co" name="val_acc&gt;0.9"><failure message="is 0.8"/>',
    );
    expect(text).toContain('<failure message="not measured"/>');
    expect(text).toContain('nothing &quot;was&quot; trained');
    expect(text).toContain('<error message="the budget  ran out"/>');
    expect(text).toContain('name="rounds&gt;1"></testcase>');
  });

  it('metrics: a line a round, nothing where nothing was measured', () => {
    expect(metricsCsv([point(1, { valAccuracy: 0.5 }), point(2)])).toBe(
      'round,atMs,loss,lossMin,lossMax,valLoss,valAccuracy,valError,volunteers,valReconstruction,valKl\n1,1000,1,,,,0.5,,4,,\n2,2000,0.6666666666666666,,,,,,4,,\n',
    );
  });

  it('the picture shows curves, tabs and every fault, and survives a run without points', () => {
    const picture = runPicture({
      title: 'digits <1>',
      points: [point(0), point(1, { valLoss: 1, valAccuracy: 0.5 }), point(2)],
      faults: [{ atMs: 1_500, label: '3 kill', text: 'tab 3: kill for 1.0 s' }],
      endMs: 2_000,
    });
    expect(picture).toContain('digits &lt;1&gt;');
    expect(picture.match(/<polyline/g)).toHaveLength(4);
    expect(picture).toContain('<title>tab 3: kill for 1.0 s</title>');
    expect(runPicture({ title: 'x', points: [], faults: [], endMs: 0 })).not.toContain('NaN');
  });
});
