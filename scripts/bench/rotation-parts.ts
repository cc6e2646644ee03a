import type { Measured } from './report.ts';
import { measureRotationOnPostgres } from './rotation-postgres.ts';
import { measureRotation } from './rotation.ts';
import { closing, type Closing } from './stage.ts';

interface Options {
  readonly seconds: number;
  readonly blocks: number;
  readonly inFlight: number;
}

/** What `bench -- rotation` measures: a rotation beside its floor, and one on PostgreSQL beside OpenBao's `rotate-role`. */
const parts: Readonly<Record<string, (close: Closing, options: Options) => Promise<Measured>>> = {
  floor: measureRotation,
  postgres: measureRotationOnPostgres,
};

/** One after the other, each with nothing of the other still running; `only` names the one that is wanted. */
export async function measureRotationParts(close: Closing, options: Options, only?: string): Promise<Measured> {
  if (only !== undefined && parts[only] === undefined)
    throw new Error(`--only takes one of ${Object.keys(parts).join(', ')}`);
  const measured: Measured[] = [];
  for (const [name, measure] of Object.entries(parts)) {
    if (only !== undefined && only !== name) continue;
    const own = closing();
    close.add(() => own.close());
    measured.push(await measure(own, options));
    await own.close();
  }
  return {
    name: 'rotation',
    figures: measured.flatMap(({ figures }) => figures),
    raw: Object.fromEntries(measured.flatMap(({ raw }) => Object.entries(raw))),
  };
}
