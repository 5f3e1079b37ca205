/** What the build says of itself: filled in by vite.config.ts. */
declare const BUILD_FACTS: {
  /** The commit it was built from; `unknown` outside a checkout. */
  readonly commit: string;
  /** Where the source is; empty: whoever built it did not say. */
  readonly sourceUrl: string;
};

export const build = typeof BUILD_FACTS === 'undefined' ? { commit: 'unknown', sourceUrl: '' } : BUILD_FACTS;

/** Bytes of script that come after the click, compressed; null: not known (the page is not a built one). */
export function firstDownloadBytes(): number | null {
  const said = document.querySelector<HTMLMetaElement>('meta[name="later-script-bytes"]')?.content;
  const bytes = Number(said);
  return said === undefined || !Number.isFinite(bytes) || bytes === 0 ? null : bytes;
}
