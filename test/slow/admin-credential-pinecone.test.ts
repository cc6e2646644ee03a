import { rotatesItsAdmin } from './admin-credential-rotation.ts';

interface ServiceAccount {
  readonly id: string;
  readonly live: boolean;
}

rotatesItsAdmin({
  fake: 'pinecone',
  admin: 'pinecone-service-account',
  keys: 'pinecone',
  breakGlass: (adminKey) => JSON.stringify({ client_id: 'break-glass', client_secret: adminKey }),
  adminSettings: (url) => `organizationRoles: [OrganizationOwner], adminUrl: '${url}', loginUrl: '${url}'`,
  keySettings: (url) =>
    `project: 3fa85f64-5717-4562-b3fc-2c963f66afa6, roles: [DataPlaneEditor], adminUrl: '${url}', apiUrl: '${url}', loginUrl: '${url}'`,
  admins: async (fake) =>
    // The control port is ours: its answers have the shape written beside it.
    ((await fake.control('GET', '/accounts')) as readonly ServiceAccount[])
      .filter(({ live }) => live)
      .map(({ id }) => id),
  listKeys: 'list',
  deleteAdmin: 'delete-account',
});
