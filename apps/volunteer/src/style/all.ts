/** The page's whole look, in the order in which one file may overrule another. */
import '@picocss/pico/css/pico.min.css';
import './theme.css';
import './page.css';
import './screens.css';
import './limits.css';
