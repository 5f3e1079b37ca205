/** The receipt of a volunteer's part: fetched when it goes, so that it says all of it. It may be missed; leaving may not wait. */

/** Shorter than the page's patience with goodbyes. */
const RECEIPT_MAX_MS = 1_500;
/** A signed page of text. */
const RECEIPT_MAX_CHARACTERS = 65_536;

/** JSON as the coordinator gave it; null: there is none (no part, an old coordinator, no answer in time). */
export async function receiptOf(
  origin: string,
  runId: string | null,
  bearer: string | null,
): Promise<string | null> {
  if (runId === null || bearer === null) return null;
  try {
    const answer = await fetch(`${origin}/api/runs/${runId}/receipt`, {
      headers: { authorization: `Bearer ${bearer}` },
      signal: AbortSignal.timeout(RECEIPT_MAX_MS),
    });
    if (!answer.ok) return null;
    const text = await answer.text();
    return text.length <= RECEIPT_MAX_CHARACTERS ? text : null;
  } catch {
    return null;
  }
}
