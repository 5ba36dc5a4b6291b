/* Changed parameters: what waits, what was told, and what a new container must hear. */
#include "node/settings.h"

#include "check.h"

static struct settings settings;

static uint64_t add(uint32_t component, int64_t id, int64_t value, int64_t at)
{
    struct setting setting = {.component = component, .id = id, .i = value, .at = at};
    uint64_t number = 0;

    CHECK(settings_add(&settings, &setting, &number));
    return number;
}

static int64_t news(void)
{
    const struct setting *setting = settings_news(&settings);

    return setting != NULL ? setting->i : -1;
}

static void a_word_is_for_the_first_that_it_fits(void)
{
    settings = (struct settings){0};
    CHECK_INT(add(1, 5, 10, INT64_MIN), 1);
    CHECK_INT(add(1, 5, 11, 100), 2);
    CHECK_INT(news(), -1);
    settings_told(&settings, 1, 6, 50); /* another parameter, another component */
    settings_told(&settings, 2, 5, 50);
    CHECK_INT(news(), -1);
    settings_told(&settings, 1, 5, 50);
    CHECK_INT(news(), 10);
    CHECK_INT(news(), -1);              /* once */
    settings_told(&settings, 1, 5, 99); /* too early for who waits for 100 */
    CHECK_INT(news(), -1);
    settings_told(&settings, 1, 5, 103);
    CHECK_INT(news(), 11);
    CHECK_INT(settings.list[settings.count - 1].index, 103);
}

static void the_latest_index_counts(void)
{
    settings = (struct settings){0};
    (void)add(1, 5, 10, INT64_MIN);
    (void)add(1, 5, 11, 100);
    settings_told(&settings, 1, 5, 20);
    (void)add(1, 5, 12, 30); /* asked for later, told earlier */
    settings_told(&settings, 1, 5, 30);
    settings_told(&settings, 1, 5, 100);
    (void)add(1, 6, 13, 900);
    settings_forget(&settings);
    CHECK_INT(settings.count, 4); /* nobody was informed yet */
    for (int n = 0; n < 3; n++)
        CHECK(news() > 0);
    settings_forget(&settings);
    CHECK_INT(settings.count, 2);
    CHECK_INT(settings.list[0].i, 11);
    CHECK_INT(settings.list[1].i, 13);
    CHECK(settings.list[0].is_told && !settings.list[1].is_told);
}

static void so_many_wait_and_no_more(void)
{
    struct setting setting = {.component = 3};
    uint64_t number = 77;

    settings = (struct settings){0};
    for (int n = 0; n < SETTINGS_WAITING_MAX; n++)
        (void)add(3, n, n, 1000);
    CHECK(!settings_add(&settings, &setting, &number));
    CHECK_INT(number, 77);
    (void)add(4, 0, 0, 1000); /* of another component */
    for (int n = 0; n < SETTINGS_NEXT_MAX; n++)
        (void)add(3, 50 + n, n, INT64_MIN); /* what is for the next frame is not kept out */
    setting.at = INT64_MIN;
    CHECK(!settings_add(&settings, &setting, &number));
    CHECK_INT(number, 77);
    settings_told(&settings, 3, 2, 1000);
    (void)add(3, 9, 9, 1000);
    for (int n = 0; n < 1000; n++) { /* what is over makes room */
        settings_told(&settings, 3, 9, 1000 + n);
        (void)news();
        (void)add(3, 9, 9, 1000);
    }
    CHECK(settings.count < 12);
}

int main(void)
{
    RUN(a_word_is_for_the_first_that_it_fits);
    RUN(the_latest_index_counts);
    RUN(so_many_wait_and_no_more);
    return 0;
}
