/** The buttons while the device contributes: pause (for how long), resume or override, settings, and the two ways to go. */
import type { Contributor, Standing } from '../contributor.ts';
import { tomorrowMs } from '../schedule.ts';
import { strings } from '../strings/index.ts';

const text = strings.actions;
const MINUTE_MS = 60_000;

interface Props {
  readonly contribution: Contributor;
  readonly standing: Standing;
  readonly showsSettings: boolean;
  readonly onSettings: () => void;
}

export function Actions({ contribution, standing, showsSettings, onSettings }: Props) {
  const { state, load } = standing;
  const { going } = load;
  const isOver = state === 'finished' || state === 'blocked' || going === 'handing-over';
  const isOwnPause = load.verdict.kind === 'pause' && load.verdict.cause === null;
  return (
    <div class="actions">
      {state === 'paused' ? (
        <button type="button" onClick={() => contribution.wish({ wish: 'resume' })}>
          {isOwnPause ? text.resume : text.override}
        </button>
      ) : (
        <button
          type="button"
          disabled={isOver}
          onClick={() => contribution.wish({ wish: 'pause', untilMs: null })}
        >
          {text.pause}
        </button>
      )}
      {!isOver && <PauseFor contribution={contribution} />}
      <button
        type="button"
        class="outline secondary"
        aria-expanded={showsSettings}
        aria-controls="settings"
        onClick={onSettings}
      >
        {showsSettings ? text.settingsClose : text.settings}
      </button>
      {(state === 'training' || state === 'syncing') &&
        going !== 'handing-over' &&
        (going === 'after-round' ? (
          <button
            type="button"
            class="outline secondary"
            onClick={() => contribution.wish({ wish: 'resume' })}
          >
            {text.stay}
          </button>
        ) : (
          <button
            type="button"
            class="outline secondary"
            onClick={() => contribution.wish({ wish: 'finish' })}
          >
            {text.finish}
          </button>
        ))}
      <button
        type="button"
        class="outline secondary"
        onClick={() => contribution.wish({ wish: going === null ? 'leave' : 'leave-now' })}
      >
        {going === null ? text.leave : text.leaveNow}
      </button>
      {!isOver && <small class="note keys">{text.hint}</small>}
    </div>
  );
}

/** A native select that acts when something is chosen and then shows its name again. */
function PauseFor({ contribution }: { readonly contribution: Contributor }) {
  const nowMs = Date.now();
  const ends: Readonly<Record<string, number>> = {
    [text.pauseHalfHour]: nowMs + 30 * MINUTE_MS,
    [text.pauseHour]: nowMs + 60 * MINUTE_MS,
    [text.pauseTomorrow]: tomorrowMs(nowMs),
  };
  return (
    <select
      class="pause-for"
      aria-label={text.pauseMore}
      value=""
      onChange={(event) => {
        const untilMs = ends[event.currentTarget.value];
        event.currentTarget.value = '';
        if (untilMs !== undefined) contribution.wish({ wish: 'pause', untilMs });
      }}
    >
      <option value="">{text.pauseMore}</option>
      {Object.keys(ends).map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}
