/**
 * What `npm run visit` asks inside the volunteer page. Each function is sent there as text and stands alone (see
 * probes.ts); what they keep between calls lies on the page's global object.
 */
interface Marks {
  clickedMs: number;
  steppedMs: number;
  redraws: number;
  redrawsOf?: MutationObserver;
}
type Marked = typeof globalThis & { visitMarks: Marks };

/** Notes when the button is clicked and when the first sample is counted. */
export function armFirstStep(): void {
  const marks: Marks = { clickedMs: 0, steppedMs: 0, redraws: 0 };
  (globalThis as Marked).visitMarks = marks;
  document.querySelector('.contribute')!.addEventListener('click', () => {
    marks.clickedMs = performance.now();
  });
  const watcher = new MutationObserver(() => {
    const samples = document.querySelector('.numbers dd strong')?.textContent ?? '0';
    if (samples === '0') return;
    marks.steppedMs = performance.now();
    watcher.disconnect();
  });
  watcher.observe(document.getElementById('page')!, { subtree: true, childList: true, characterData: true });
}

/** Milliseconds from the click to the first counted sample; null: not yet. */
export function firstStepMs(): number | null {
  const { clickedMs, steppedMs } = (globalThis as Marked).visitMarks;
  return steppedMs === 0 ? null : steppedMs - clickedMs;
}

/** Counts from now on every turn in which anything in the document changes. */
export function countRedraws(): void {
  const marks = (globalThis as Marked).visitMarks;
  marks.redraws = 0;
  marks.redrawsOf?.disconnect();
  marks.redrawsOf = new MutationObserver(() => {
    marks.redraws += 1;
  });
  marks.redrawsOf.observe(document.getElementById('page')!, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
  });
}

export function redrawsSoFar(): number {
  return (globalThis as Marked).visitMarks.redraws;
}

/** What a page can see of being hidden: a headless browser hides nothing. */
export function setHidden(isHidden: boolean): void {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden });
  document.dispatchEvent(new Event('visibilitychange'));
}

/** Presses Pause; answers when, in milliseconds since 1970 of the page's clock. */
export function pressPause(): number {
  const button = [...document.querySelectorAll('button')].find(({ textContent }) => textContent === 'Pause');
  if (button === undefined) throw new Error('there is no Pause button');
  button.click();
  return performance.timeOrigin + performance.now();
}

/** Bytes of the page and of its worker. The page is isolated (COOP and COEP), so the browser may tell. */
export async function heldBytes(): Promise<{ page: number; worker: number }> {
  const measured = await (
    performance as Performance & {
      measureUserAgentSpecificMemory: () => Promise<{
        breakdown: { bytes: number; attribution: { scope: string }[] }[];
      }>;
    }
  ).measureUserAgentSpecificMemory();
  const held = { page: 0, worker: 0 };
  for (const { bytes, attribution } of measured.breakdown)
    if (attribution.some(({ scope }) => scope === 'DedicatedWorkerGlobalScope')) held.worker += bytes;
    else held.page += bytes;
  return held;
}
