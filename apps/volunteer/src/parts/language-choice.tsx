/** The page's language. The page is loaded anew with it, so it is offered only where nothing would be lost. */
import { chooseLanguage, LANGUAGES, language, strings, type Language } from '../strings/index.ts';

export const LanguageChoice = () => (
  <label class="language">
    {strings.language}
    <select
      value={language}
      onChange={(event) => {
        chooseLanguage(event.currentTarget.value as Language);
        location.assign(location.pathname);
      }}
    >
      {Object.entries(LANGUAGES).map(([tag, name]) => (
        <option key={tag} value={tag} lang={tag} selected={tag === language}>
          {name}
        </option>
      ))}
    </select>
  </label>
);
