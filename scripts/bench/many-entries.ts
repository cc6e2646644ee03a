/** Entries of one inventory: its text stays well below the 500,000 characters that `apply` takes. */
const atOnce = 1_500;

const teamOf = (index: number): string => `bench-${Math.floor(index / atOnce)}`;

/** The teams that so many entries need. */
export const teamsOf = (entries: number): readonly string[] =>
  Array.from({ length: Math.max(1, Math.ceil(entries / atOnce)) }, (_, index) => teamOf(index * atOnce));

/** As many inventories as it takes, each of a team of its own: one's entries are not missing from another's. */
export function inventoriesOf(entries: readonly ((team: string) => string)[]): readonly string[] {
  return teamsOf(entries.length).map((team, index) => {
    const own = entries.slice(index * atOnce, (index + 1) * atOnce);
    return `teams: [${team}]\ncredentials:\n${own.map((entry) => entry(team)).join('')}`;
  });
}
