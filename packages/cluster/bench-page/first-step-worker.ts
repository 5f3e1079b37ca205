/** The trainer alone: takes the device and carries the commands out, one after the other. See page.ts. */
import { createTrainer, type Trainer } from '@murmuration/trainer';

export type Commands = readonly Parameters<Trainer['execute']>[1][];

async function carryOut(commands: Commands): Promise<{ readonly kinds: readonly string[] }> {
  const trainer = createTrainer({ backend: 'webgpu' });
  await trainer.open();
  const kinds: string[] = [];
  for (const [ticket, command] of commands.entries()) {
    const event = await trainer.execute(ticket, command);
    kinds.push(event.kind);
    if (event.kind === 'trainer-failed') throw new Error(`${command.kind}: ${event.detail}`);
  }
  return { kinds };
}

onmessage = ({ data }: MessageEvent<Commands>) => {
  carryOut(data).then(
    (answer) => postMessage(answer),
    (reason: unknown) => postMessage({ error: String(reason) }),
  );
};
