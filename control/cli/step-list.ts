import type { Writable } from 'node:stream';
import { formatDuration } from '../../domain/duration.ts';
import type { RunView } from '../operations/follow.ts';
import type { Output } from './output.ts';
import { printable } from './text.ts';

export interface StepList {
  show(view: RunView): void;
  close(): void;
}

const shortPause = 1_000;

/**
 * A live list of steps. On a terminal the last line is rewritten in place; elsewhere every change is a line of its own;
 * with --json nothing but the answer is printed.
 */
export function stepList(stdout: Writable, output: Output): StepList {
  let printed = 0;
  let open = '';
  let latest: RunView | undefined;
  const write = (text: string): void => void stdout.write(text);
  const begin = Date.now();

  const line = (view: RunView, index: number): string => {
    const entry = view.steps[index];
    const next = view.steps[index + 1];
    if (entry === undefined) return '';
    const took = next === undefined ? '' : `  ${formatDuration(Math.max(0, next.at - entry.at))}`;
    return `  ${next === undefined && view.end === undefined ? '>' : '*'} ${entry.step.padEnd(11)}${took}`;
  };
  const waiting = (view: RunView): string => {
    const text = view.trouble ?? view.waitsFor;
    return text === undefined ? '' : `  ${printable(text)}`;
  };

  const draw = (): void => {
    if (latest === undefined) return;
    const seconds = Math.floor((Date.now() - begin) / 1000);
    const now = `${line(latest, latest.steps.length - 1)}${waiting(latest)}`.slice(0, output.width - 8);
    open = latest.steps.length === 0 ? `  > waiting for a worker${waiting(latest)}`.slice(0, output.width - 8) : now;
    write(`\r\u001b[2K${open}  ${seconds} s`);
  };
  const timer = output.live ? setInterval(draw, shortPause) : undefined;
  timer?.unref();

  return {
    show(view) {
      if (output.json) return;
      latest = view;
      if (output.live) {
        for (; printed < view.steps.length - 1; printed += 1) write(`\r\u001b[2K${line(view, printed)}\n`);
        if (view.end === undefined) draw();
        else write('\r\u001b[2K');
        return;
      }
      for (; printed < view.steps.length - 1; printed += 1) write(`${line(view, printed)}\n`);
      const text = `${line(view, view.steps.length - 1)}${waiting(view)}`;
      if (view.end === undefined && text !== open && text.trim() !== '') write(`${text}\n`);
      open = text;
    },
    close() {
      clearInterval(timer);
      if (output.live && latest?.end === undefined && open !== '') write('\n');
    },
  };
}
