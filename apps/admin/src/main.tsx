/** Mounts the admin page. The token leaves the address bar before anything else happens. */
import '@picocss/pico/css/pico.min.css';
import 'uplot/dist/uPlot.min.css';
import './style/theme.css';
import './style/page.css';
import './style/run.css';
import './style/watch.css';
import './style/work.css';
import './style/forms.css';
import './style/launch.css';
import { render } from 'preact';
import { Page } from './page.tsx';
import { adoptTokenFromAddress } from './session.ts';

adoptTokenFromAddress();
const mount = document.getElementById('page');
if (mount === null) throw new Error('index.html has no element #page');
render(<Page />, mount);
