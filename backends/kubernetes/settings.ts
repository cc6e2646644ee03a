import { z } from 'zod';

const namespace = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'the name of a namespace');
const file = z.string().regex(/^\/[^\0\n]{1,1000}$/, 'an absolute path');

/** Where the kubelet puts what a pod may call the API with. */
const mounted = '/var/run/secrets/kubernetes.io/serviceaccount';

export const kubernetesSettings = z
  .strictObject({
    server: z.url({ protocol: /^https?$/ }).default('https://kubernetes.default.svc'),
    /** Where consumers' pods run and mount their Secrets. */
    namespace,
    /** Where staged versions lie: a namespace of keybaton's own, in which nobody else may read a Secret or run a pod. */
    stagingNamespace: namespace.default('keybaton-staging'),
    /** `service-account`: the token of our pod, read anew for every call. `token`: the admin secret is one. */
    auth: z
      .discriminatedUnion('method', [
        z.strictObject({ method: z.literal('service-account'), tokenFile: file.default(`${mounted}/token`) }),
        z.strictObject({ method: z.literal('token') }),
      ])
      .default({ method: 'service-account', tokenFile: `${mounted}/token` }),
    /** PEM file of the cluster's authority; `none` where a well-known one signed. */
    caFile: z.union([file, z.literal('none')]).default(`${mounted}/ca.crt`),
    /** Paths lie below it, and it is left out of the names of Secrets. */
    root: z
      .string()
      .regex(/^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/, 'a path like ai/prod, without / at its ends')
      .optional(),
    /** Milliseconds for one HTTP call. */
    timeout: z.number().int().min(100).max(15_000).default(8_000),
  })
  .refine((settings) => settings.namespace !== settings.stagingNamespace, {
    error: 'stagingNamespace must be another one: whoever may run a pod in a namespace can mount every Secret in it',
    path: ['stagingNamespace'],
  });

export type KubernetesSettings = z.output<typeof kubernetesSettings>;
