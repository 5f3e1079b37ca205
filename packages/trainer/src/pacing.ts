/**
 * The door through which somebody outside decides how hard the device works: the trainer says when it is at work and
 * stops between two submissions for as long as it is told to. It decides nothing itself; without a pacing it never rests.
 */
export interface Pacing {
  /** A command that computes begins, or ends: what lies between, rests aside, is load. */
  began(): void;
  ended(): void;
  /**
   * Called between two submissions; the next one waits until the promise resolves.
   * @param drain resolves when the device has done everything that was submitted: without it, a rest would not be one.
   * @param isStopped somebody waits for the command's answer, so that it may not rest any longer.
   */
  between(drain: () => Promise<void>, isStopped: () => boolean): Promise<void>;
  /** `isStopped` may have changed. */
  wake(): void;
}

export const FULL_SPEED: Pacing = {
  began: () => {},
  ended: () => {},
  between: () => Promise.resolve(),
  wake: () => {},
};
