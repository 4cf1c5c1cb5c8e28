/** A bridge with three rays: the watchman's place. */
export function Logo() {
  return (
    <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true" focusable="false" className="logo">
      <path className="logo-arch" d="M5 26V14a11 11 0 0 1 22 0v12" />
      <path className="logo-rays" d="M11.5 26v-6M16 26V14M20.5 26v-6" />
    </svg>
  );
}
