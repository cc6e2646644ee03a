import { join } from 'node:path';
import type { Play } from './play.ts';
import { searchEverywhere } from './search.ts';
import type { Searched } from './search.ts';

/** Every secret value ever made, looked for where none may be. */
export async function search({ stage, promises, shown, leave }: Play): Promise<Searched> {
  shown.line('a control value is planted in every place; the same search must find it');
  // What stood on the screen is searched as well.
  shown.saveTo(join(stage.logs, 'demo.log'));
  const found = await searchEverywhere(stage, leave);
  const megabytes = (found.bytes / 1_000_000).toFixed(1);
  shown.line(
    `${found.secrets} values, each in ${found.forms} forms, looked for in ${found.places} places of ${megabytes} MB`,
  );
  for (const hit of found.hits.slice(0, 20)) shown.line(`FOUND: ${hit}`);
  for (const lost of found.lost.slice(0, 20)) shown.line(`control not found: ${lost}`);
  promises.check(`${found.hits.length} secret values found`, found.hits.length === 0);
  promises.check(
    `${found.controlsPlanted - found.lost.length} of ${found.controlsPlanted} control values found`,
    found.controlsPlanted > 0 && found.lost.length === 0 && found.unproved.length === 0,
    `places without one: ${found.unproved.join(', ')}`,
  );
  return found;
}
