/**
 * What is made of an object that does not change, made once: everything that is computed from one list of a document, for
 * many entries. It is forgotten with the object.
 */
export function once<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const made = new WeakMap<K, { value: V }>();
  return (key) => {
    let found = made.get(key);
    if (found === undefined) {
      found = { value: make(key) };
      made.set(key, found);
    }
    return found.value;
  };
}
