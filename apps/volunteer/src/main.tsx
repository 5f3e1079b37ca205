/** Mounts the page. Nothing here or below starts anything before the person's click. */
import './style/all.ts';
import { render } from 'preact';
import { Contribution } from './contribution.ts';
import { Page } from './page.tsx';
import { language, strings } from './strings/index.ts';
import { showSign } from './tab-sign.ts';

const mount = document.getElementById('page');
if (mount === null) throw new Error('index.html has no element #page');
document.documentElement.lang = language;
document.documentElement.dir = strings.direction;
const contribution = new Contribution();
showSign(contribution);
render(<Page contribution={contribution} />, mount);
