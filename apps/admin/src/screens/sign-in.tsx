/** The token field, for those who came without the admin link. */
import { signIn } from '../session.ts';
import { strings } from '../strings.ts';

const text = strings.signIn;

export function SignIn({ refused, onLook }: { readonly refused: boolean; readonly onLook: () => void }) {
  return (
    <section class="card narrow" aria-labelledby="sign-in">
      <h1 id="sign-in">{text.heading}</h1>
      <p class={refused ? 'trouble' : ''} role={refused ? 'alert' : undefined}>
        {refused ? text.refused : text.text}
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const token = new FormData(event.currentTarget).get('token');
          if (typeof token === 'string' && token.trim() !== '') signIn(token.trim());
        }}
      >
        <label for="token">{text.field}</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required />
        <button type="submit">{text.button}</button>
        <button type="button" class="plain" onClick={onLook}>
          {text.look}
        </button>
      </form>
    </section>
  );
}
