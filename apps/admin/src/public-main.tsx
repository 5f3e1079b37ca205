/** Mounts the public page of one run: no login, and nothing but what `/api/public/runs/:id` tells everybody. */
import '@picocss/pico/css/pico.min.css';
import 'uplot/dist/uPlot.min.css';
import './style/theme.css';
import './style/page.css';
import './style/run.css';
import './style/forms.css';
import './style/watch.css';
import './style/work.css';
import { render } from 'preact';
import { PublicRun } from './screens/public-run.tsx';

const mount = document.getElementById('page');
if (mount === null) throw new Error('run.html has no element #page');
const [, runId = ''] = /^\/runs\/(run_[0-9a-z]{26})\/?$/.exec(location.pathname) ?? [];
render(<PublicRun runId={runId} />, mount);
