/** API tokens: made (the secret is shown once), listed, revoked. */
import { useCallback, useState } from 'preact/hooks';
import { SCOPES, type NewToken, type Scope, type TokenView } from '@murmuration/protocol';
import { announce } from '../announcer.ts';
import { usePolled } from '../polled.ts';
import { api } from '../session.ts';
import { accessStrings } from '../strings-access.ts';
import { strings } from '../strings.ts';
import { Secret } from './secret.tsx';
import { Sure } from './sure.tsx';
import { TableHead } from './table-head.tsx';
import { Trouble } from './trouble.tsx';
import { useWishes } from './wishes.ts';

const text = accessStrings.tokens;
const { columns } = text;

export function Tokens() {
  const { known, trouble, refresh } = usePolled(
    useCallback(() => api.tokens(), []),
    () => null,
  );
  const [made, setMade] = useState<NewToken | null>(null);
  const { failure, act } = useWishes(refresh);
  const create = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const data = new FormData(form);
    const days = String(data.get('days') ?? '').trim();
    void act(async () => {
      setMade(
        await api.createToken({
          name: String(data.get('name')),
          scope: data.get('scope') as Scope,
          ...(days === '' ? {} : { days: Number(days) }),
        }),
      );
      form.reset();
    });
  };
  const revoke = ({ id, name }: TokenView) =>
    act(async () => {
      await api.revokeToken(id);
      announce(text.revoked(name));
    });
  return (
    <section class="card" aria-labelledby="tokens-heading">
      <h2 id="tokens-heading">{text.heading}</h2>
      <p class="note">
        {text.text} <a href="/docs">{text.docs}</a>
      </p>
      <Trouble text={failure || trouble} />
      {made !== null && (
        <Secret label={text.made(made.name)} secret={made.token} onHide={() => setMade(null)} />
      )}
      {known === null && trouble === '' && <p class="note">{strings.loading}</p>}
      {known?.length === 0 && <p class="note">{text.none}</p>}
      {known !== null && known.length > 0 && <Rows tokens={known} onRevoke={revoke} />}
      <form class="inline-form" onSubmit={create}>
        <label for="token-name">
          {text.name}
          <input id="token-name" name="name" type="text" required maxLength={64} autocomplete="off" />
          <small>{text.nameHint}</small>
        </label>
        <label for="token-scope">
          {text.scope}
          <select id="token-scope" name="scope">
            {SCOPES.map((scope) => (
              <option key={scope} value={scope}>
                {text.scopes[scope]}
              </option>
            ))}
          </select>
        </label>
        <label for="token-days">
          {text.days}
          <input id="token-days" name="days" type="number" min={1} max={3650} step={1} />
          <small>{text.daysHint}</small>
        </label>
        <button type="submit">{text.create}</button>
      </form>
    </section>
  );
}

const dayText = (at: string | null): string =>
  at === null ? accessStrings.never : new Date(at).toLocaleDateString();

interface RowsProps {
  readonly tokens: readonly TokenView[];
  readonly onRevoke: (token: TokenView) => void;
}

const Rows = ({ tokens, onRevoke }: RowsProps) => (
  <table role="table" class="stacking">
    <TableHead heads={Object.values(columns)} />
    <tbody role="rowgroup">
      {tokens.map((token) => (
        <tr role="row" key={token.id}>
          <th scope="row" role="rowheader">
            {token.name}
          </th>
          <td role="cell" data-head={columns.scope}>
            {text.scopes[token.scope]}
          </td>
          <td role="cell" data-head={columns.created}>
            {dayText(token.createdAt)}
          </td>
          <td role="cell" data-head={columns.expires}>
            {dayText(token.expiresAt)}
          </td>
          <td role="cell" data-head={columns.used}>
            {dayText(token.lastUsedAt)}
          </td>
          <td role="cell" data-head={columns.actions}>
            <div class="actions">
              <Sure
                word={text.revoke}
                label={text.revokeOf(token.name)}
                question={text.revokeSure(token.name)}
                yes={text.revokeYes}
                no={accessStrings.keep}
                onYes={() => onRevoke(token)}
              />
            </div>
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);
