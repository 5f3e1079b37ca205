/** Another tab of this browser contributes: leave it there, or take over. Never both. */
import type { Contributor } from '../contributor.ts';
import { StateIcon } from '../parts/icons.tsx';
import { strings } from '../strings/index.ts';

const text = strings.elsewhere;

interface Props {
  readonly contribution: Contributor;
  /** The other tab was asked and says goodbye. */
  readonly isWaiting: boolean;
}

export const Elsewhere = ({ contribution, isWaiting }: Props) => (
  <>
    <section class="banner" data-tone="resting" aria-labelledby="elsewhere">
      <StateIcon state="waiting" />
      <div>
        <h1 id="elsewhere">{text.heading}</h1>
        <p>{isWaiting ? text.waiting : text.text}</p>
      </div>
    </section>
    <div class="actions">
      <button type="button" disabled={isWaiting} onClick={() => contribution.takeOver()}>
        {text.takeOver}
      </button>
      <button
        type="button"
        class="outline secondary"
        disabled={isWaiting}
        onClick={() => contribution.forget()}
      >
        {text.leaveIt}
      </button>
    </div>
  </>
);
