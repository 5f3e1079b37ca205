/**
 * The person's terms as native controls: on the consent screen and, while the device works, under Settings. Every
 * change holds at once.
 */
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { tellsPower } from '../device-facts.ts';
import { bytesText, shareText } from '../format.ts';
import { DATA_CHOICES_BYTES, PRESET_SHARES, presetOf, SHARE_MIN, type Limits } from '../limits.ts';
import { strings } from '../strings/index.ts';
import { LimitIcon } from './icons.tsx';

const text = strings.limits;

interface Props {
  readonly limits: Limits;
  readonly onChange: (limits: Limits) => void;
  /** What this run needs, in a sentence or two. */
  readonly dataNote: ComponentChildren;
  /** 0..1, for the slider's voice; null: nothing is measured. */
  readonly measuredShare: number | null;
}

export function LimitsEditor({ limits, onChange, dataNote, measuredShare }: Props) {
  const set = (change: Partial<Limits>) => onChange({ ...limits, ...change });
  return (
    <div class="terms">
      <ShareTerm share={limits.share} measuredShare={measuredShare} onShare={(share) => set({ share })} />
      <Term icon="traffic" name={text.data}>
        <Choice
          name={text.dataPerDay}
          value={String(limits.dataPerDayBytes)}
          options={[...DATA_CHOICES_BYTES, null].map((bytes) => [
            String(bytes),
            bytes === null ? text.dataFree : bytesText(bytes),
          ])}
          onValue={(value) => set({ dataPerDayBytes: value === 'null' ? null : Number(value) })}
        />
        <p class="note">{dataNote}</p>
      </Term>
      <Term icon="battery" name={text.battery}>
        <Tick
          name={text.batteryPause}
          isOn={limits.battery === 'pause'}
          onTick={(isOn) => set({ battery: isOn ? 'pause' : 'go-on' })}
        />
        <p class="note">{tellsPower() ? text.batteryKnown : text.batteryUnknown}</p>
      </Term>
      <Term icon="address" name={text.address}>
        <Radios
          value={limits.links}
          options={(['direct', 'relay-only', 'no-peers'] as const).map((value) => ({
            value,
            ...text.links[value],
          }))}
          onValue={(links) => set({ links })}
        />
      </Term>
      <details>
        <summary>{text.more}</summary>
        <Choice
          name={text.whileUsed}
          value={limits.whileUsed}
          options={(['same', 'gentle', 'pause'] as const).map((value) => [
            value,
            text.whileUsedChoices[value],
          ])}
          onValue={(whileUsed) => set({ whileUsed })}
        />
        <Tick
          name={text.whileHiddenPause}
          isOn={limits.whileHidden === 'pause'}
          onTick={(isOn) => set({ whileHidden: isOn ? 'pause' : 'go-on' })}
        />
        <HoursTerm hours={limits.hours} onHours={(hours) => set({ hours })} />
      </details>
    </div>
  );
}

interface ShareProps {
  readonly share: number;
  readonly measuredShare: number | null;
  readonly onShare: (share: number) => void;
}

function ShareTerm({ share, measuredShare, onShare }: ShareProps) {
  const preset = presetOf(share);
  const percent = Math.round(share * 100);
  const measured = measuredShare === null ? null : Math.round(measuredShare * 100);
  const id = useId();
  return (
    <Term icon="chip" name={text.share}>
      <Radios
        value={preset}
        options={(['gentle', 'balanced', 'full', 'custom'] as const).map((value) => ({
          value,
          ...text.presets[value],
        }))}
        onValue={(chosen) =>
          onShare(chosen === 'custom' ? (preset === 'custom' ? share : CUSTOM_SHARE) : PRESET_SHARES[chosen])
        }
      />
      {preset === 'custom' && (
        <label class="slider" for={id}>
          {text.slider}
          <span>
            <input
              id={id}
              type="range"
              min={SHARE_MIN * 100}
              max={100}
              step={1}
              value={percent}
              aria-valuetext={text.sliderSpoken(percent, measured)}
              onInput={(event) => onShare(notAPreset(Number(event.currentTarget.value) / 100, share))}
            />
            <output for={id}>{shareText(share)}</output>
          </span>
        </label>
      )}
    </Term>
  );
}

/** Where the slider begins. */
const CUSTOM_SHARE = 0.35;
/** The slider steps over the presets, or it would vanish under the finger that moves it. */
const notAPreset = (share: number, before: number): number => {
  if (presetOf(share) === 'custom') return share;
  return share >= 1 || share < before ? share - 0.01 : share + 0.01;
};

function HoursTerm({
  hours,
  onHours,
}: {
  hours: Limits['hours'];
  onHours: (hours: Limits['hours']) => void;
}) {
  return (
    <>
      <Tick
        name={text.hours}
        isOn={hours !== null}
        onTick={(isOn) => onHours(isOn ? { fromMinute: 20 * 60, toMinute: 7 * 60 } : null)}
      />
      {hours !== null && (
        <div class="hours">
          <Time
            name={text.from}
            minute={hours.fromMinute}
            onMinute={(fromMinute) => onHours({ ...hours, fromMinute })}
          />
          <Time
            name={text.to}
            minute={hours.toMinute}
            onMinute={(toMinute) => onHours({ ...hours, toMinute })}
          />
        </div>
      )}
    </>
  );
}

interface TermProps {
  readonly icon: Parameters<typeof LimitIcon>[0]['of'];
  readonly name: string;
  readonly children: ComponentChildren;
}
const Term = ({ icon, name, children }: TermProps) => (
  <fieldset>
    <legend>
      <LimitIcon of={icon} />
      {name}
    </legend>
    {children}
  </fieldset>
);

interface RadiosProps<T extends string> {
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly name: string; readonly note: string }[];
  readonly onValue: (value: T) => void;
}
function Radios<T extends string>({ value, options, onValue }: RadiosProps<T>) {
  const id = useId();
  return (
    <div class="radios">
      {options.map((option) => (
        <label key={option.value} class={option.value === value ? 'chosen' : undefined}>
          <input
            type="radio"
            name={id}
            checked={option.value === value}
            onChange={() => onValue(option.value)}
          />
          <span>
            {option.name}
            <small>{option.note}</small>
          </span>
        </label>
      ))}
    </div>
  );
}

interface ChoiceProps<T extends string> {
  readonly name: string;
  readonly value: T;
  readonly options: readonly (readonly [T, string])[];
  readonly onValue: (value: T) => void;
}
const Choice = <T extends string>({ name, value, options, onValue }: ChoiceProps<T>) => (
  <label class="choice">
    {name}
    <select value={value} onChange={(event) => onValue(event.currentTarget.value as T)}>
      {options.map(([each, shown]) => (
        <option key={each} value={each} selected={each === value}>
          {shown}
        </option>
      ))}
    </select>
  </label>
);

interface TickProps {
  readonly name: string;
  readonly isOn: boolean;
  readonly onTick: (isOn: boolean) => void;
}
const Tick = ({ name, isOn, onTick }: TickProps) => (
  <label class="tick">
    <input type="checkbox" checked={isOn} onChange={(event) => onTick(event.currentTarget.checked)} />
    {name}
  </label>
);

interface TimeProps {
  readonly name: string;
  readonly minute: number;
  readonly onMinute: (minute: number) => void;
}
function Time({ name, minute, onMinute }: TimeProps) {
  const two = (value: number) => String(value).padStart(2, '0');
  return (
    <label>
      {name}
      <input
        type="time"
        value={`${two(Math.floor(minute / 60))}:${two(minute % 60)}`}
        onChange={(event) => {
          const [hour, rest] = event.currentTarget.value.split(':').map(Number);
          if (hour !== undefined && rest !== undefined) onMinute(hour * 60 + rest);
        }}
      />
    </label>
  );
}
