/** Mounts the page. Nothing here or below starts anything before the person's click. */
import '@picocss/pico/css/pico.min.css';
import './style/theme.css';
import './style/page.css';
import './style/screens.css';
import { render } from 'preact';
import { Contribution } from './contribution.ts';
import { Page } from './page.tsx';

const mount = document.getElementById('page');
if (mount === null) throw new Error('index.html has no element #page');
render(<Page contribution={new Contribution()} />, mount);
