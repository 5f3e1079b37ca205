/** How curves are drawn: metric, axis, smoothing. Every choice goes into the address at once. */
import { useId } from 'preact/hooks';
import { changeQuery } from '../route.ts';
import { viewStrings as text } from '../strings-compare.ts';
import { AXES, METRICS, SMOOTHING_DEFAULT, SMOOTHING_MAX, type Metric, type View } from '../view.ts';

const STEP = 0.02;

interface Props {
  readonly view: View;
  /** Undefined: this screen shows all of them. */
  readonly metric?: Metric;
}

export function ViewControls({ view, metric }: Props) {
  const id = useId();
  const percent = Math.round(view.smoothing * 100).toFixed(0);
  return (
    <fieldset class="view-controls">
      <legend class="unseen">{text.legend}</legend>
      {metric !== undefined && (
        <label for={`${id}-metric`}>
          {text.metric}
          <select
            id={`${id}-metric`}
            value={metric}
            onChange={({ currentTarget }) => changeQuery({ metric: currentTarget.value })}
          >
            {METRICS.map((each) => (
              <option key={each} value={each}>
                {text.metrics[each]}
              </option>
            ))}
          </select>
        </label>
      )}
      <label for={`${id}-axis`}>
        {text.axis}
        <select
          id={`${id}-axis`}
          value={view.axis}
          onChange={({ currentTarget: { value } }) => changeQuery({ axis: value === 'time' ? null : value })}
        >
          {AXES.map((each) => (
            <option key={each} value={each}>
              {text.axes[each]}
            </option>
          ))}
        </select>
      </label>
      <label for={`${id}-smooth`} class="smoothing">
        <span>
          {text.smoothing} <output for={`${id}-smooth`}>{text.smoothingValue(percent)}</output>
        </span>
        <input
          id={`${id}-smooth`}
          type="range"
          min={0}
          max={SMOOTHING_MAX}
          step={STEP}
          value={view.smoothing}
          aria-valuetext={text.smoothingValue(percent)}
          onInput={({ currentTarget: { valueAsNumber } }) =>
            changeQuery({
              smooth:
                Math.abs(valueAsNumber - SMOOTHING_DEFAULT) < STEP / 2 ? null : valueAsNumber.toFixed(2),
            })
          }
        />
      </label>
    </fieldset>
  );
}
