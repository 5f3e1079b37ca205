/** Something folded away that opens by itself when a fault is inside, and then stays as its reader leaves it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

interface Props {
  readonly summary: string;
  readonly hasFault: boolean;
  readonly class?: string;
  readonly children: ComponentChildren;
}

export function Unfolding({ summary, hasFault, class: look, children }: Props) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    if (hasFault) setOpen(true);
  }, [hasFault]);
  return (
    <details class={look} open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{summary}</summary>
      {children}
    </details>
  );
}
