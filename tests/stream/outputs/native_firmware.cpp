// The sketch's logic on a computer: the same headers, a pseudo-terminal for the USB port, a record for the pins.
// It speaks with its starter as posewire_bench.simulated_firmware does, but knows no faults. With the word `parse` it
// reads bytes on stdin instead, and prints the frames in them: type, sequence and payload, in hexadecimal.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "device.h"

struct Edge {
  long long time_ns;
  int pin, value, analog;
};

static int port = -1;
static std::vector<Edge> edges;

static long long now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static bool write_all(int descriptor, const void *bytes, size_t count) {
  return write(descriptor, bytes, count) == (ssize_t)count;
}

namespace posewire {
// Begins shortly before the 32 bits wrap around, so that every test crosses that point.
static const long long begun = now_ns();
uint32_t board_micros() { return (uint32_t)(0xFFFFFFFFu - 300000u + (uint32_t)((now_ns() - begun) / 1000)); }
bool board_can(uint8_t pin, bool) { return pin < 54; }
void board_claim(uint8_t pin, bool high) { edges.push_back({now_ns(), pin, high, 0}); }
void board_output(uint8_t pin, bool high) { edges.push_back({now_ns(), pin, high, 0}); }
void board_value(uint8_t pin, uint16_t value) { edges.push_back({now_ns(), pin, value, 1}); }
void board_send(const uint8_t *bytes, uint8_t count) { (void)!write_all(port, bytes, count); }
uint8_t board_features() { return 0; }
}  // namespace posewire

static void record(const std::string &path) {
  std::string beside = path + ".part";
  FILE *file = fopen(beside.c_str(), "w");
  fputs("{\"edges\": [", file);
  for (size_t i = 0; i < edges.size(); i++)
    fprintf(file, "%s[%lld, %d, %d, %d]", i ? ", " : "", edges[i].time_ns, edges[i].pin, edges[i].value, edges[i].analog);
  fputs("], \"reads\": []}", file);
  fclose(file);
  rename(beside.c_str(), path.c_str());
}

static int parse() {
  posewire::Parser parser;
  for (int byte; (byte = getchar()) != EOF;) {
    parser.put((uint8_t)byte);
    while (parser.next()) {
      printf("%02x%02x", parser.type, parser.sequence);
      for (int i = 0; i < parser.length; i++) printf("%02x", parser.payload[i]);
      puts("");
    }
  }
  return 0;
}

int main(int count, char **words) {
  if (count == 2 && !strcmp(words[1], "parse")) return parse();
  if (count != 3) return 2;
  port = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (port < 0 || grantpt(port) || unlockpt(port)) return 1;
  std::string name = ptsname(port);
  int other_end = open(name.c_str(), O_RDWR | O_NOCTTY);
  termios raw;
  tcgetattr(other_end, &raw);
  cfmakeraw(&raw);
  tcsetattr(other_end, TCSANOW, &raw);
  puts(name.c_str());
  fflush(stdout);
  posewire::Device device;
  device.begin();
  for (;;) {
    device.tick();
    pollfd ears[2] = {{0, POLLIN, 0}, {port, POLLIN, 0}};
    timespec turn = {0, 200000};
    ppoll(ears, 2, &turn, nullptr);
    if (ears[1].revents & POLLIN) {
      uint8_t bytes[64];
      device.tick();
      ssize_t got = read(port, bytes, sizeof bytes);
      for (ssize_t i = 0; i < got; i++) device.receive(bytes[i]);
    }
    if (ears[0].revents) {
      char line[256];
      ssize_t got = read(0, line, sizeof line);
      if (got <= 0) return 0;
      record(words[2]);
      puts(std::string(line, (size_t)got) == "record\n" ? "ok" : "what?");
      fflush(stdout);
    }
  }
}
