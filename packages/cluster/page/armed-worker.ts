/** What is put before the volunteer's worker script when a fleet may be told to misbehave; see saboteur.ts. */
import { installSaboteur } from './saboteur.ts';

installSaboteur();
