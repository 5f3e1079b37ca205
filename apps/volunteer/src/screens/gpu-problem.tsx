/** The four ways in which a device cannot help: what is missing, what to do, and facts to copy. */
import type { Contributor } from '../contributor.ts';
import { bytesText, countText } from '../format.ts';
import { StateIcon } from '../parts/icons.tsx';
import { Diagnostics } from '../parts/diagnostics.tsx';
import { strings, type System } from '../strings/index.ts';
import type { GpuCheck, GpuVerdict } from '../worker-protocol.ts';

type Problem = Exclude<GpuVerdict, { outcome: 'ready' | 'software' }>;
type ProblemCheck = GpuCheck & { readonly verdict: Problem };

export const isGpuProblem = (check: GpuCheck | null): check is ProblemCheck =>
  check !== null && check.verdict.outcome !== 'ready' && check.verdict.outcome !== 'software';

interface Props {
  readonly check: ProblemCheck;
  readonly contribution: Contributor;
}

export function GpuProblem({ check, contribution }: Props) {
  const { verdict } = check;
  const words = strings.gpu[verdict.outcome];
  return (
    <>
      <section class="banner" data-tone="troubled" aria-labelledby="problem">
        <StateIcon state="blocked" />
        <div>
          <h1 id="problem">{words.heading}</h1>
          <p>{words.text}</p>
          {verdict.outcome === 'too-small' && (
            <p>
              {strings.gpu['too-small'].detail(
                verdict.limit,
                amountText(verdict.limit, verdict.needs),
                amountText(verdict.limit, verdict.has),
              )}
            </p>
          )}
        </div>
      </section>
      <section class="card" aria-labelledby="steps-heading">
        <h2 id="steps-heading">{strings.gpu.stepsHeading}</h2>
        <ul>
          {words.steps(systemOf(navigator.userAgent)).map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ul>
      </section>
      <Diagnostics check={check} />
      <div class="actions">
        <button type="button" onClick={() => contribution.begin()}>
          {strings.actions.retry}
        </button>
        <button type="button" class="outline secondary" onClick={() => contribution.forget()}>
          {strings.actions.back}
        </button>
      </div>
    </>
  );
}

/** WebGPU's limits in bytes end in `Size`. */
const amountText = (limit: string, amount: number) =>
  limit.endsWith('Size') ? bytesText(amount) : countText(amount);

function systemOf(userAgent: string): System {
  if (/android/i.test(userAgent)) return 'android';
  if (/iphone|ipad/i.test(userAgent)) return 'ios';
  if (/windows/i.test(userAgent)) return 'windows';
  if (/mac os x/i.test(userAgent)) return 'mac';
  if (/linux|x11/i.test(userAgent)) return 'linux';
  return 'other';
}
