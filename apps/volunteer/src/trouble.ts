/** What the trainer could not do, kept with the check of the device: for whoever copies the diagnostics. Pure. */
import type { GpuCheck } from './worker-protocol.ts';

/** A device that comes and goes for days must not fill the page; the last lines say why it ended. */
const TROUBLES_KEPT = 8;
const MARK = 'trainer: ';

/** The last troubles stay, the facts of the check before them. */
export function withTrouble(check: GpuCheck | null, line: string): GpuCheck | null {
  if (check === null) return null;
  const isTrouble = (fact: string) => fact.startsWith(MARK);
  const troubles = [...check.diagnostics.filter(isTrouble), `${MARK}${line}`].slice(-TROUBLES_KEPT);
  return { ...check, diagnostics: [...check.diagnostics.filter((fact) => !isTrouble(fact)), ...troubles] };
}
