/**
 * The page's words in the reader's language. Chosen once, when the page loads: by what was chosen before, else by the
 * browser's list. English is part of the page; another language is fetched beside it, before the first word is drawn.
 */
import { en, type Strings } from './en.ts';

export type { Strings, System } from './en.ts';

/** Names of languages in themselves. */
export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const;
export type Language = keyof typeof LANGUAGES;

const isLanguage = (tag: string): tag is Language => Object.hasOwn(LANGUAGES, tag);

/** The first of `wanted` (tags like `de-CH`, best first) that there is; else English. */
export const languageOf = (wanted: readonly string[]): Language =>
  wanted.map((tag) => tag.toLowerCase().split('-')[0]!).find(isLanguage) ?? 'en';

const LANGUAGE_KEY = 'murmuration-language';

function wantedHere(): readonly string[] {
  if (typeof document === 'undefined') return [];
  const asked = new URLSearchParams(location.search).get('lang');
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem(LANGUAGE_KEY);
  } catch {
    // A browser that keeps nothing still speaks.
  }
  return [asked, chosen, ...navigator.languages].filter((tag) => tag !== null);
}

export const language = languageOf(wantedHere());
export const strings: Strings = language === 'de' ? (await import('./de.ts')).de : en;
export const { states } = strings;

/** From the next load of the page on. */
export function chooseLanguage(chosen: Language): void {
  localStorage.setItem(LANGUAGE_KEY, chosen);
}
export const forgetLanguage = (): void => localStorage.removeItem(LANGUAGE_KEY);
