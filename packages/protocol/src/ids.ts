/**
 * Names of things on the wire.
 *
 * An id is a prefix, an underscore and 26 characters of [0-9a-z] (134 bits of chance when drawn by the
 * coordinator). The coordinator draws every id; a volunteer never chooses its own. The same text is the PeerJS id.
 */
import Type from 'typebox';

export const ID_RANDOM_CHARACTERS = 26;
const ID_ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Length in ASCII bytes of a volunteer id as it stands in a peer frame (`vol_` + 26). */
export const VOLUNTEER_ID_BYTES = 4 + ID_RANDOM_CHARACTERS;

export type RunId = string & { readonly __brand?: 'RunId' };
export type VolunteerId = string & { readonly __brand?: 'VolunteerId' };
export type DatasetId = string & { readonly __brand?: 'DatasetId' };
export type ModelId = string & { readonly __brand?: 'ModelId' };
/** SHA-256 of a blob, 64 lower-case hexadecimal digits. */
export type Sha256 = string & { readonly __brand?: 'Sha256' };

export const RunIdSchema = Type.Unsafe<RunId>(Type.String({ pattern: '^run_[0-9a-z]{26}$' }));
export const VolunteerIdSchema = Type.Unsafe<VolunteerId>(Type.String({ pattern: '^vol_[0-9a-z]{26}$' }));
export const DatasetIdSchema = Type.Unsafe<DatasetId>(Type.String({ pattern: '^data_[0-9a-z]{26}$' }));
export const ModelIdSchema = Type.Unsafe<ModelId>(Type.String({ pattern: '^model_[0-9a-z]{26}$' }));
export const Sha256Schema = Type.Unsafe<Sha256>(Type.String({ pattern: '^[0-9a-f]{64}$' }));

const VOLUNTEER_ID_PATTERN = /^vol_[0-9a-z]{26}$/;
export const isVolunteerId = (text: string): text is VolunteerId => VOLUNTEER_ID_PATTERN.test(text);

/** Under which the averaging server of a central run is a peer of its tabs: the run's own characters, so nobody has to be told. */
export const serverIdOf = (runId: RunId): VolunteerId => `vol_${runId.slice('run_'.length)}`;

export type IdPrefix = 'run' | 'vol' | 'data' | 'model' | 'part' | 'tok' | 'hook' | 'sweep' | 'alert';
/** Draws an id. `randomBytes` holds at least 26 uniformly random bytes; the slight modulo bias (256 mod 36) is accepted. */
export function idFromRandomBytes(prefix: IdPrefix, randomBytes: Uint8Array): string {
  let id = `${prefix}_`;
  for (let i = 0; i < ID_RANDOM_CHARACTERS; i++) id += ID_ALPHABET[randomBytes[i]! % ID_ALPHABET.length];
  return id;
}
