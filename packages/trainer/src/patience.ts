/**
 * The door through which somebody outside decides how long a device that was lost and cannot be had again is waited for:
 * after a crash of the browser's GPU process there is none for seconds. Without a patience there is no second try.
 */
export interface DevicePatience {
  /** It could not be had. True: it is time to ask again; false: it was waited for long enough. */
  again(): Promise<boolean>;
  /** There is one again. */
  had(): void;
  /** Nobody wants it any more: whoever waits in `again` is told false, now and later. */
  giveUp(): void;
}

export const NO_PATIENCE: DevicePatience = {
  again: () => Promise.resolve(false),
  had: () => {},
  giveUp: () => {},
};
