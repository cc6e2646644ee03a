/** Admin keys of an OpenAI organisation. Page: https://platform.openai.com/docs/api-reference/admin-api-keys, read 2026-11. */
import { randomBytes } from 'node:crypto';
import { keyStore, type Spread, type StoredKey } from '../key-store.ts';
import { refusal } from './state.ts';

const letters = () => randomBytes(60).toString('base64url').slice(0, 74);
const seconds = (milliseconds: number | null) => (milliseconds === null ? null : Math.floor(milliseconds / 1_000));

export function adminKeys(spread: () => Spread, onValue: (value: string) => void) {
  const store = keyStore(spread, onValue);
  const made: StoredKey[] = [];
  const place = 'organization';

  const show = (key: StoredKey) => ({
    object: 'organization.admin_api_key',
    id: key.id,
    name: key.name,
    redacted_value: `${key.value.slice(0, 12)}...${key.value.slice(-3)}`,
    created_at: seconds(key.createdAt),
    last_used_at: seconds(key.usedAt),
    expires_at: seconds(key.expiresAt),
    owner: {
      ...{ type: 'user', object: 'organization.user', id: 'user_fake', name: 'Owner' },
      ...{ created_at: 0, role: 'owner' },
    },
  });
  const of = (id: string): StoredKey => {
    const found = store.find(id);
    if (found === undefined) throw refusal({ status: 404, code: null, message: 'no such admin key' });
    return found;
  };

  return {
    show,
    of,
    live: () => store.in(place),
    /** Is a call with this value let in? Counted as a use. */
    use: (value: string): boolean => store.use(value) !== undefined,
    all: () =>
      made.map(({ id, name, deletedAt, uses, createdAt }) => ({ id, name, live: deletedAt === null, uses, createdAt })),

    create(body: unknown) {
      const asked = Object(body) as Record<string, unknown>;
      const { name, expires_in_seconds: expires } = asked;
      if (typeof name !== 'string' || name === '')
        throw refusal({ status: 400, code: null, message: 'name is required' });
      const key = store.add({
        ...{ id: `key_${randomBytes(8).toString('hex')}`, value: `sk-admin-${letters()}T3BlbkFJ${letters()}` },
        ...{ place, name, asked },
        expiresAt: typeof expires === 'number' ? Date.now() + expires * 1_000 : null,
      });
      made.push(key);
      return { ...show(key), value: key.value };
    },

    remove(id: string) {
      store.remove(of(id));
      return { object: 'organization.admin_api_key.deleted', id, deleted: true };
    },
  };
}
