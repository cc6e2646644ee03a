import { z } from 'zod';

const secretName = z
  .string()
  .regex(/^[A-Za-z0-9_+=.@-]+(\/[A-Za-z0-9_+=.@-]+)*$/, 'a name like team/secrets, without / at its ends')
  .max(200);

export const awsSecretsManagerSettings = z.strictObject({
  /** Where the secrets lie. Never taken from the environment: a worker in another region would find nothing. */
  region: z.string().regex(/^[a-z]{2,4}(-[a-z]+)+-\d$/, 'a region like eu-west-1'),
  /**
   * `workload`: the identity of this process as the SDK finds it (role of the pod, task or instance, SSO, a profile).
   * `keys`: the admin secret is {"access_key_id": ..., "secret_access_key": ..., "session_token": ...}.
   */
  auth: z
    .discriminatedUnion('method', [
      z.strictObject({ method: z.literal('workload') }),
      z.strictObject({ method: z.literal('keys') }),
    ])
    .default({ method: 'workload' }),
  /** First part of the names of secrets that nobody may read yet: outside every name that a consumer's policy allows. */
  stagingPrefix: secretName.default('keybaton-staging'),
  /** The KMS key for secrets that keybaton creates; the account's own `aws/secretsmanager` by default. */
  kmsKeyId: z.string().min(1).max(2_048).optional(),
  /** Address of a VPC endpoint with a name of its own; plain http only to this machine. */
  endpoint: z
    .url({ protocol: /^https?$/ })
    .refine(
      (text) => text.startsWith('https:') || ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(text).hostname),
      {
        error: 'an https address (http only for this machine)',
      },
    )
    .optional(),
  /** Writes per second that this process makes at most: all who write in a region share 50. */
  writesPerSecond: z.number().int().min(1).max(50).default(20),
  /** Milliseconds for one call. */
  timeout: z.number().int().min(100).max(15_000).default(8_000),
});

export type AwsSecretsManagerSettings = z.output<typeof awsSecretsManagerSettings>;
