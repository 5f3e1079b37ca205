/** What the plan says: of a draft, before the launch; and of a run whose knobs it chose. */
import type { PlanView, Preflight, RunManifest } from '@murmuration/protocol';
import { bytesText, countText, durationText } from '../format.ts';
import { plan as text } from '../strings-plan.ts';
import { Fact } from './fact.tsx';

/** Under a second as milliseconds. */
const timeText = (ms: number) => (ms < 1_000 ? `${Math.round(ms)} ms` : durationText(ms));

export function PlanForetold({ plan, unplanned }: Pick<Preflight, 'plan' | 'unplanned'>) {
  if (plan === null) return unplanned === '' ? null : <p class="note">{text.unplanned(unplanned)}</p>;
  return (
    <section class="plan" aria-labelledby="plan-heading">
      <h3 id="plan-heading">{text.heading}</h3>
      <dl>
        <PlanRows plan={plan} />
      </dl>
      <Sentences summary={text.why} sentences={plan.why} />
      <Sentences summary={text.assumed} sentences={plan.assumed} />
    </section>
  );
}

function PlanRows({ plan }: { readonly plan: PlanView }) {
  const { rows } = text;
  const isChosen = plan.chosen.length > 0;
  return (
    <>
      <Fact name={isChosen ? text.chosen : rows.strategy}>
        {text.strategy(plan, countText(plan.localSteps))}
        {isChosen && <small>{text.chosenNote}</small>}
      </Fact>
      <Fact name={rows.crowd}>{plan.crowd}</Fact>
      <Fact name={rows.round}>{text.round(timeText(plan.roundMs), text.bounds[plan.bound])}</Fact>
      <Fact name={rows.sent}>
        {text.sent(bytesText(plan.upBytes), bytesText(plan.downBytes), bytesText(plan.upBytesPerHour))}
      </Fact>
      {plan.coordinatorOutBytes > 0 && (
        <Fact name={rows.coordinator}>
          {text.coordinator(bytesText(plan.coordinatorOutBytes), bytesText(plan.coordinatorBytes))}
        </Fact>
      )}
      <Fact name={rows.memory}>{bytesText(plan.tabBytes)}</Fact>
      <Fact name={rows.time}>
        {text.time(timeText(plan.timeMs), countText(Math.ceil(plan.rounds)))}
        <small>{text.timeNote}</small>
      </Fact>
      <Fact name={rows.tabs}>
        {text.tabs(countText(plan.tabsWorthHaving))}
        <small>
          {text.returns(plan.returns.map(({ tabs, timeMs }) => [countText(tabs), timeText(timeMs)] as const))}
        </small>
      </Fact>
    </>
  );
}

/** A run's own card: which of its knobs the plan chose, and why. */
export function ChosenCard({ manifest: { chosen, training } }: { readonly manifest: RunManifest }) {
  if (chosen === undefined) return null;
  return (
    <section class="card" aria-labelledby="chosen-heading">
      <h2 id="chosen-heading">{text.chosen}</h2>
      <dl class="facts-list">
        {chosen.knobs.map((knob) => (
          <Fact key={knob} name={text.knobs[knob]}>
            {String(training[knob])}
          </Fact>
        ))}
      </dl>
      <Sentences summary={text.why} sentences={chosen.why} />
    </section>
  );
}

const Sentences = ({
  summary,
  sentences,
}: {
  readonly summary: string;
  readonly sentences: readonly string[];
}) =>
  sentences.length === 0 ? null : (
    <details>
      <summary>{summary}</summary>
      <ul>
        {sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </details>
  );
