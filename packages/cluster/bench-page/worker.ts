/** The worker of the overhead benchmark; see page.ts. */
import { bareLoop, type BareLoopOptions } from '@murmuration/trainer/bare-loop';
import type { BareLoopAnswer } from './page.ts';

const answer = (message: BareLoopAnswer) => postMessage(message);

onmessage = ({ data }: MessageEvent<BareLoopOptions>) => {
  bareLoop(data).then(answer, (reason: unknown) => answer({ error: String(reason) }));
};
