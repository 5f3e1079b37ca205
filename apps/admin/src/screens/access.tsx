/** Who may ask this coordinator, and who is told without asking. */
import { Tokens } from '../parts/tokens.tsx';
import { Webhooks } from '../parts/webhooks.tsx';
import { accessStrings } from '../strings-access.ts';

export const AccessScreen = () => (
  <>
    <h1>{accessStrings.heading}</h1>
    <Tokens />
    <Webhooks />
  </>
);
