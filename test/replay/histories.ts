import { readdirSync, readFileSync } from 'node:fs';

export const historiesFolder = new URL('../histories/', import.meta.url);
export const historyFile = (name: string): URL => new URL(`${name}.json`, historiesFolder);

export interface RecordedHistory {
  readonly name: string;
  /** As it lies in the file. */
  readonly text: string;
  readonly workflowType: string;
  readonly workflowId: string;
  readonly events: readonly RecordedEvent[];
}

/** One event in protobuf's JSON form: `eventType` and one `...EventAttributes`. */
export type RecordedEvent = Readonly<Record<string, unknown>>;

export function readHistories(): readonly RecordedHistory[] {
  return readdirSync(historiesFolder)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => readHistory(file.slice(0, -'.json'.length)));
}

export function readHistory(name: string): RecordedHistory {
  const text = readFileSync(historyFile(name), 'utf8');
  // Written by the recorder from Temporal's own conversion; a file of another shape fails the next lines.
  const { events } = JSON.parse(text) as { readonly events: readonly RecordedEvent[] };
  const started = attributes(events[0], 'workflowExecutionStartedEventAttributes');
  const { name: workflowType } = started['workflowType'] as { readonly name: string };
  return { name, text, workflowType, workflowId: String(started['workflowId']), events };
}

export function attributes(event: RecordedEvent | undefined, name: string): Readonly<Record<string, unknown>> {
  const found = event?.[name];
  if (typeof found !== 'object' || found === null) throw new Error(`the event has no ${name}`);
  // An object of a JSON file.
  return found as Readonly<Record<string, unknown>>;
}
