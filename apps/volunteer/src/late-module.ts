/**
 * A module that is loaded late, over a network that may be away in just that moment. A browser remembers for as long as the
 * page lives that it could not fetch a module (HTML, the module map), so asking for the same address again is in vain
 * (Chromium 156): a further try asks for the same file under another one.
 */

/** Doubled after each try. Guesses: a coordinator is started again within seconds. */
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 15_000;

/** How long to wait before try `tryCount + 1`, and for what to ask then; null: for the module as it is named. */
export function nextTry(
  tryCount: number,
  error: unknown,
): { readonly afterMs: number; readonly address: string | null } {
  // Chromium and Firefox end their message with the address; Safari names none and forgets failures.
  const [address] = /https?:\/\/[^\s"']+\.m?js/.exec(String(error)) ?? [null];
  return {
    afterMs: Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(tryCount - 1, 10)),
    address: address === null ? null : `${address}?try=${tryCount + 1}`,
  };
}

/**
 * Tries until it is loaded. The module must import no other chunk, whose failure would be remembered too.
 * @returns null when nobody wants it any more.
 */
export async function lateModule<Module>(
  load: () => Promise<Module>,
  parts: { readonly isWanted: () => boolean; readonly failed: (detail: string) => void },
): Promise<Module | null> {
  let asked = load;
  for (let tryCount = 1; parts.isWanted(); tryCount++)
    try {
      return await asked();
    } catch (error) {
      parts.failed(String(error));
      const { afterMs, address } = nextTry(tryCount, error);
      asked = address === null ? load : () => import(/* @vite-ignore */ address) as Promise<Module>;
      await new Promise((resolve) => setTimeout(resolve, afterMs));
    }
  return null;
}
