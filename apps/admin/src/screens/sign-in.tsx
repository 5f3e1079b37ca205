/** The token field, for those who came without the admin link. */
import { type Session, signIn } from '../session.ts';
import { strings } from '../strings.ts';

const text = strings.signIn;

export function SignIn({ why }: { readonly why: Extract<Session, { kind: 'signed-out' }>['why'] }) {
  const isTrouble = why === 'refused' || why === 'unreachable';
  return (
    <section class="card narrow" aria-labelledby="sign-in">
      <h1 id="sign-in">{text.heading}</h1>
      <p class={isTrouble ? 'trouble' : ''} role={isTrouble ? 'alert' : undefined}>
        {text.why[why]}
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const token = new FormData(event.currentTarget).get('token');
          if (typeof token === 'string' && token.trim() !== '') void signIn(token.trim());
        }}
      >
        <label for="token">{text.field}</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required />
        <button type="submit">{text.button}</button>
      </form>
    </section>
  );
}
