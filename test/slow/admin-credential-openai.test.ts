import { rotatesItsAdmin } from './admin-credential-rotation.ts';

interface AdminKey {
  readonly id: string;
  readonly live: boolean;
}

rotatesItsAdmin({
  fake: 'openai',
  admin: 'openai-admin-key',
  keys: 'openai',
  breakGlass: (adminKey) => adminKey,
  adminSettings: (url) => `baseUrl: '${url}', usageLag: 0`,
  keySettings: (url) => `project: proj_bots, baseUrl: '${url}', usageLag: 0`,
  admins: async (fake) =>
    // The control port is ours: its answers have the shape written beside it.
    ((await fake.control('GET', '/admin-keys')) as readonly AdminKey[]).filter(({ live }) => live).map(({ id }) => id),
  listKeys: 'list',
  deleteAdmin: 'admin-delete',
  nothingDies: { failNext: { operation: 'delete', count: 100_000, status: 503 } },
});
