/** The worker of the codec's benchmark; see page.ts. */
import { benchCodec, type CodecBenchOptions, type CodecTimes } from '@murmuration/trainer/codec-bench';

const answer = (message: CodecTimes | { readonly error: string }) => postMessage(message);

onmessage = ({ data }: MessageEvent<CodecBenchOptions>) => {
  benchCodec(data).then(answer, (reason: unknown) => answer({ error: String(reason) }));
};
