import { codeOf, KeybatonError } from '../../domain/errors.ts';
import type { BackendCall, Envelope, MainPlace, Place, Promotion } from '../backend.ts';
import { renderFields } from '../fields.ts';
import { fieldsAfter, judgePromotion } from '../main-place.ts';
import type { MainSecret, Standing } from './main-secret.ts';
import { epochTag, nameOf, versionTag } from './names.ts';
import type { ListedVersion, Secrets } from './secrets.ts';
import { settledVersions } from './settled.ts';

/** How often a promotion writes because others wrote the secret at the same moment. */
const patience = 4;

/**
 * Key Vault has no compare-and-set: whoever writes last is current. So a promotion looks, writes, and looks again for what
 * others wrote between its two looks, once the order of all that can change no more. What came first under an epoch
 * stays, a higher epoch goes before a lower one, and a person's change of other fields is carried over; whoever finds
 * that it wrote over what should stand puts that back and answers CONFLICT.
 */
export function createPromotion(secrets: Secrets, mainSecret: MainSecret) {
  return async (place: Place, promotion: Promotion, envelope: Envelope, call: BackendCall): Promise<void> => {
    const name = nameOf(place.path);
    const rendered = renderFields(place.fields, envelope.material);
    const mapped = () => Promise.resolve(Object.keys(rendered));
    const isMine = (main: MainPlace) =>
      main.kind === 'ours' && main.version === promotion.version && main.epoch === promotion.epoch;

    /** What is current, and every version up to it: nothing was written between the two looks. */
    async function firstLook(): Promise<{ readonly over: Standing; readonly known: Set<string> }> {
      for (let look = 0; look < patience; look += 1) {
        const { versions } = await secrets.versions(name, call);
        const over = await mainSecret.current(place, mapped, call);
        const known = new Set(versions.map(({ id }) => id));
        if (over.written === undefined ? known.size === 0 : known.has(over.written.id)) return { over, known };
      }
      throw new KeybatonError('UNAVAILABLE', `secret ${name} is being written to all the time: nothing was promoted`);
    }

    /** Undefined: the answer was lost, and the tags tell that it was written all the same. */
    async function write(over: Standing, known: ReadonlySet<string>): Promise<string> {
      const fields = fieldsAfter(over.fields, over.rendered, rendered, promotion);
      try {
        return await mainSecret.write(place, promotion, over, fields, call);
      } catch (thrown) {
        if (codeOf(thrown) !== 'AMBIGUOUS') throw thrown;
        const { versions } = await secrets.versions(name, call).catch(() => ({ versions: [] }));
        const found = versions.find((one) => !known.has(one.id) && isTagged(one, promotion));
        if (found === undefined) throw thrown;
        return found.id;
      }
    }

    /** Does our write stand? Else what a next attempt has to be judged against, put back where we wrote over it. */
    async function secondLook(id: string, known: Set<string>, over: Standing): Promise<'stands' | Standing> {
      const versions = await settledVersions(secrets, name, (one) => !known.has(one.id), id, call);
      const fresh = versions.filter((one) => !known.has(one.id));
      const now = await mainSecret.current(place, mapped, call);
      for (const one of fresh) known.add(one.id);
      if (now.written !== undefined) known.add(now.written.id);
      const others = fresh.filter((one) => one.id !== id && !isTagged(one, promotion) && one.enabled);
      if (others.length === 0 && isMine(now.main)) return 'stands';

      const seen = await Promise.all(
        others.map(async (one) => ({ one, standing: await mainSecret.version(place, one.id, mapped, call) })),
      );
      const first = fresh.findIndex((one) => isTagged(one, promotion));
      const rival = seen.findLast(
        ({ one, standing }) => standing !== 'disabled' && beats(standing.main, fresh.indexOf(one) < first),
      );
      const byHand = seen.findLast(
        ({ one, standing }) => standing !== 'disabled' && !isMine(standing.main) && one.tags[versionTag] === undefined,
      );
      const should = rival ?? byHand;
      if (should === undefined || should.standing === 'disabled') return isMine(now.main) ? 'stands' : over;
      const isForeign = should.standing.main.kind === 'foreign' && (promotion.overwriteForeign ?? false) === false;
      if (isMine(now.main) && (rival !== undefined || isForeign) && should.standing.written !== undefined) {
        await mainSecret.putBack(place, should.standing.written, call);
      }
      return should.standing;
    }

    /** Is it another promotion's, and the one that should stay? */
    function beats(main: MainPlace, before: boolean): boolean {
      if (main.kind !== 'ours' || isMine(main)) return false;
      return main.epoch > promotion.epoch || (main.epoch === promotion.epoch && before);
    }

    const { over: stood, known } = await firstLook();
    let over = stood;
    let wrote = false;
    try {
      for (let attempt = 0; attempt < patience; attempt += 1) {
        if (judgePromotion(over.main, promotion) === 'done') return;
        if (over.unstructured && promotion.overwriteForeign === 'same value') {
          throw new KeybatonError(
            'CONFLICT',
            `secret ${name} is no JSON object: write it as one before it is taken over`,
          );
        }
        const id = await write(over, known);
        wrote = true;
        const outcome = await secondLook(id, known, over);
        if (outcome === 'stands') return;
        over = outcome;
      }
    } catch (thrown) {
      // From the first write on "had no effect" would be wrong, whatever stood in the way later.
      if (!wrote || codeOf(thrown) === 'CONFLICT') throw thrown;
      throw new KeybatonError(
        'AMBIGUOUS',
        `version ${promotion.version} was written to ${name}, and whether it stands could not be seen`,
      );
    }
    throw new KeybatonError(
      'AMBIGUOUS',
      `secret ${name} is being written to all the time: whether the promotion stands cannot be told`,
    );
  };
}

function isTagged({ tags }: ListedVersion, { version, epoch }: Promotion): boolean {
  return tags[versionTag] === version && tags[epochTag] === String(epoch);
}
