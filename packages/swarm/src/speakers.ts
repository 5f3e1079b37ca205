/** Who says what a node learned, in order (SPEC N3). Pure. */
import type { VolunteerId } from '@murmuration/protocol';

/**
 * Who was counted in the node's last round lives: these in turn by the cycle's number, then the others.
 * @param lastAuthors ascending
 * @param alive without ourselves
 */
export function speakersOf(
  cycle: number,
  lastAuthors: readonly VolunteerId[],
  self: VolunteerId,
  alive: ReadonlySet<VolunteerId>,
): VolunteerId[] {
  const living = lastAuthors.filter((id) => id === self || alive.has(id));
  const turn = living.length === 0 ? 0 : cycle % living.length;
  const rest = [self, ...alive].filter((id) => !living.includes(id)).sort();
  return [...living.slice(turn), ...living.slice(0, turn), ...rest];
}
