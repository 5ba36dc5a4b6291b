/* Facts that must be true; they stay on in releases. For our own mistakes, never for input. */
#ifndef TT_BASE_ASSERT_H
#define TT_BASE_ASSERT_H

/* The hook: given by each program and by the platform; does not return. */
void tt_assert_failed(const char *fact, const char *file, int line) __attribute__((noreturn));

#define tt_assert(fact) ((fact) ? (void)0 : tt_assert_failed(#fact, __FILE__, __LINE__))

#endif
